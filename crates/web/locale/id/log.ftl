# Developer → Logs: searching, live, resending.
search-label = Cari di log
search-wrong = Pencarian ini tidak dapat dibaca.
search-terms = Bagian pencarian
search-drop = Tanpa { $term }
search-drop-short = hilangkan
search-help = Cara mencari
search-help-status = Keadaan pengiriman: delivered, failed, retrying, recovered, interrupted. Juga error untuk semua yang tidak terkirim. Koma berarti atau.
search-help-code = Status jawaban; none jika tidak ada jawaban. Juga code:>=500 dan code:500..503.
search-help-event = Jenis event; bintang mengakhiri awalan, tanda hubung di depan membaliknya.
search-help-url = Menurut nama, id, alamat, atau host.
search-help-try = Nomor percobaan, dan lamanya.
search-help-time = Dihitung mundur dari sekarang, atau sebuah waktu. Tanpa zona berarti UTC.
search-help-id = Milik event, percobaan, atau dari penerbit sendiri; juga awalannya.
search-help-data = Isian dalam payload. Angka dibandingkan persis. Diperiksa terakhir, dan hanya jika payload disimpan.
search-help-test = Event yang dikirim dari Test Webhook.
logs-stopped = Belum ada yang ditemukan
logs-searched = { $n } percobaan diperiksa
logs-searched-of = { $searched } dari sekitar { $of } percobaan diperiksa, lalu berhenti pada batas satu pencarian. Rentang lebih pendek menemukan lebih banyak.
logs-continue = Lanjutkan
resend-all = Kirim ulang semua yang ditemukan…
live-on = Langsung
live-off = Dijeda
live-lost = Sambungan terputus { $secs } dtk lalu, menyambung kembali
live-new = { $count } baru
