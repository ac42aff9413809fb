# Satu pengiriman, dan alasan event dikirim ke mana.
delivery-why = Alasan
delivery-why-all = { $count ->
   *[other] Dikirim ke { $n } URL. Bagaimana setiap URL akun ini terhadap event ini
 }
delivery-matched = { $count ->
   *[other] { $n } URL memintanya
 }
delivery-pause = jeda { $span }
ladder-made = Percobaan setelah event diterima: { $times }.
ladder-planned = Direncanakan: { $times }.
try-if = jika yang sebelumnya gagal
try-more = { $count ->
   *[other] dan { $n } lagi setelah itu
 }
step-resolve = DNS
step-connect = Sambung
step-tls = TLS
step-first_byte = Bita pertama
step-rest = Sisanya
steps-of-time = Ke mana waktunya
side-nobody = Tidak ada yang salah.
side-receiver = Sebabnya di pihak server Anda.
side-settings = Sebabnya di pengaturan URL ini.
side-us = Sebabnya di pihak kami.
resend-same-id = Kirim ulang membuat satu percobaan lagi dengan id yang sama, jadi penerima yang hanya mengambil tiap event sekali akan mengabaikan yang sudah ada.
resend-or-new = Agar dikerjakan lagi, kirim sebagai event baru.
send-as-new = Kirim sebagai event baru
payload-cut = 64 KiB pertama dari { $size } ditampilkan
compare = Bandingkan jawaban
compare-this = { $attempt } di samping
compare-only = Hanya perbedaan
compare-all = Tampilkan semua
compare-do = Bandingkan
compare-alike = Kedua jawaban sama.
compare-cut = Tidak semuanya disimpan atau dibandingkan
compare-gap = { $count ->
   *[other] { $n } baris sama
 }
command = Salin sebagai
command-why = Ditandatangani baru saat dijalankan, dengan rahasia di WEBHOOK_SECRET (di Keamanan URL): tidak ada rahasia di teks ini. Header tambahan dan otorisasi URL tidak disertakan.
command-file = Unduh dulu payload sebagai { $file }.
event-not-sent = Tidak dikirim
event-removed = { $count ->
   *[other] Juga dikirim ke { $n } URL yang sudah dihapus.
 }
why-by-all = URL ini meminta semua event.
why-by-name = URL ini meminta { $type } dengan namanya.
why-by-family = URL ini meminta seluruh keluarga “{ $family }”.
why-by-then = URL memintanya saat event diterima; sekarang tidak lagi.
why-and-channel = Salah satu kanalnya ada pada event: { $channels }.
why-and-filter = Syaratnya terpenuhi: { $filter }
why-but-paused = Tetapi URL sedang dijeda, jadi tidak ada yang dikirim.
why-changed = URL atau jenis event sudah diubah sejak itu; beginilah keadaannya sekarang.
why-made-later = URL dibuat setelah event ini diterima.
why-type = URL ini tidak meminta { $type }, juga tidak keluarganya.
why-channel = URL ini hanya meminta kanal berikut, dan event tidak memilikinya: { $channels }.
why-filter = Bagian syarat ini tidak terpenuhi: { $clause } (tidak ada nilai di sana).
why-filter-found = Bagian syarat ini tidak terpenuhi: { $clause } (event berisi { $found }).
why-payload-gone = Syaratnya yang menentukan, dan payload yang dilihatnya tidak disimpan.
why-would-match = Saat itu URL tidak memintanya; menurut keadaan sekarang ia akan menerimanya.
