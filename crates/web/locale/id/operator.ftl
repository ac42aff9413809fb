# Halaman operator.
op-fleet = Kesehatan armada
op-fleet-lead = Seluruh server, semua lingkungan. Angka dari beberapa menit terakhir.
op-queues = Antrean
op-queues-lead = Yang menunggu tiap URL, dan keadaan pemutusnya.
op-accounts = Beban per akun
op-accounts-lead = Semua lingkungan; percobaan dalam jam terakhir.
op-problems = Masalah
op-problems-lead = Yang gagal dalam jam terakhir, menurut host dan sebab.
op-system = Sistem
op-nodes = Node
op-nodes-lead = Proses mana yang bekerja. Setiap akun masuk ke salah satu dari 64 shard, dan setiap shard milik satu node.
op-nodes-single = Satu proses dengan berkasnya sendiri: ia mengerjakan semua akun.
op-node = Node
op-node-single = Proses ini
op-node-this = yang ini
op-node-state = Keadaan
op-node-heard = hidup
op-node-quiet = diam
op-node-gone = hilang
op-node-last = Terakhir terdengar
op-node-up = Menyala
op-node-schema = Skema
op-node-commits = Commit
op-nodes-versions = Versi { $versions } sedang bekerja: pembaruan sedang berlangsung.
op-shards = Shard
op-shards-why = Node pemilik tiap shard, menurut hurufnya di tabel. Shard yang tidak dimiliki siapa pun (–) menunggu: event akunnya tetap diterima, dan dikirim begitu sebuah node mengambilnya. Nama node ada di berkas node.id dalam folder datanya, dan di lognya setiap kali dimulai.
op-shard = Shard
op-shard-epoch = Epoch
op-shard-nobody = tidak ada
op-shard-words = Shard { $shard }: { $node }
op-in = Event masuk, per detik
op-out = Terkirim, per detik
op-failed = Gagal, per detik
op-waiting = Menunggu
op-oldest = Tunggu terlama
op-drain = Habis dalam
op-drain-empty = tidak ada yang menunggu
op-drain-never = bertambah
op-first-p50 = Percobaan pertama, p50
op-first-p99 = Percobaan pertama, p99
op-failing = URL gagal
op-store = Penyimpanan
op-disk = Sisa disk
op-disk-of = { $free } dari { $whole }
op-hour = Percobaan dalam jam terakhir
op-hour-sentence = Percobaan dalam jam terakhir, per menit: { $delivered } terkirim, { $failed } gagal.
op-waiting-line = Menunggu dalam jam terakhir
op-waiting-sentence = Pengiriman yang menunggu dalam jam terakhir: { $last } sekarang, paling banyak { $most }.
op-due = Percobaan ulang satu jam ke depan
op-due-sentence = Percobaan ulang dalam satu jam ke depan: { $n }.
op-at-least = sedikitnya { $n }
op-nothing = Tidak ada yang menunggu
op-nothing-why = Setiap pengiriman sudah sampai ke penerimanya, atau sudah berakhir.
op-no-problems = Tidak ada yang gagal dalam jam terakhir
op-no-problems-why = Kegagalan muncul di sini menurut host yang dipanggil dan sebabnya.
op-host = Host
op-cause = Sebab
op-first-seen = Pertama terlihat
op-last-seen = Terakhir terlihat
op-side-nobody = bukan siapa-siapa
op-side-receiver = pihak penerima
op-side-settings = pengaturan URL
op-side-us = pihak kami
op-breaker = Pemutus
op-breaker-closed = tertutup
op-breaker-open = terbuka: dibiarkan
op-breaker-half_open = mencoba satu
op-breaker-ramping = pulih bertahap
op-under-way = Berjalan
op-quiet = tidak ada kiriman
op-uptime = menyala { $span }
op-version = Versi
op-started = Dimulai
op-data-dir = Folder data
op-backup = Cadangan
op-backup-now = Cadangkan sekarang
op-backup-dir = Disimpan di
op-backup-last = Terakhir
op-backup-none = belum ada sejak dimulai
op-backup-why = Menyalin semuanya, termasuk kunci yang menyegel rahasia, sementara pengiriman berjalan terus. Letakkan seluruhnya di folder data kosong untuk memulai darinya.
op-backup-unset = Folder cadangan belum diatur. Atur store.backup_dir lalu mulai ulang.
op-bundle = Berkas dukungan
op-bundle-why = Berkas dukungan adalah teks bagi yang membantu Anda: angka, host, id, dan konfigurasi. Tidak ada rahasia, payload, atau path URL di dalamnya.
op-configuration = Konfigurasi
op-key = Kunci
op-value = Nilai
op-origin = Diatur di
done-backup = Cadangan sudah dibuat.
op-urls = { $count ->
   *[other] { $n } URL
 }
op-failing-urls = { $count ->
   *[other] { $n } URL gagal
 }
op-lanes = { $count ->
   *[other] { $n } jalur punya pekerjaan
 }
op-calling = { $count ->
   *[other] { $n } percobaan berjalan
 }
op-events = { $count ->
   *[other] { $n } event
 }
op-set = { $count ->
   *[other] { $n } nilai diatur
 }
op-left-out = { $count ->
   *[other] { $n } URL lain dengan kegagalan tidak diperiksa.
 }
op-unlogged = { $count ->
   *[other] Dari { $n } URL dengan kegagalan, log tidak menyimpan apa pun, jadi sebabnya tidak diketahui di sini.
 }
op-nodes-all = { $count ->
   *[other] { $n } node, semuanya terdengar; ke-64 shard ada pemiliknya.
 }
op-nodes-some = { $count ->
   *[other] { $n } node terdengar, dan ke-64 shard ada pemiliknya.
 }
op-nodes-moving = { $count ->
   *[other] { $n } node terdengar; { $other } dari 64 shard sedang berpindah ke node lain.
 }
op-nodes-quiet = { $count ->
   *[other] { $n } node diam, { $other } terdengar; ke-64 shard masih ada pemiliknya.
 }
op-nodes-waiting = { $count ->
   *[other] { $n } dari 64 shard tidak punya node: yang jatuh tempo untuk akunnya menunggu.
 }
op-nodes-is-quiet = { $count ->
   *[other] Node { $node } tidak terdengar selama { $span }; setelah { $lease } node lain mengambil { $n } shard miliknya.
 }
op-nodes-is-lost = { $count ->
   *[other] Node { $node } tidak terdengar selama { $span }; { $n } shard miliknya menunggu node lain.
 }
op-nodes-gone = { $count ->
   *[other] { $n } node hilang, dihentikan atau mati: node lain memegang bagiannya. Tercantum selama sehari.
 }
