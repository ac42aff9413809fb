# Cara isi dicocokkan dengan skema jenis event.
validation-title = Pemeriksaan isi
validation-label = Isi yang tidak sesuai skemanya
validation-off = dikirim, tidak diperiksa
validation-warn = dikirim, dan dicatat pada event-nya
validation-strict = ditolak dengan 422
validation-why = Untuk semua akun di lingkungan ini, mulai event berikutnya.
event-misfits = Tidak sesuai skemanya
event-misfits-why = Tetap dikirim: lingkungan ini hanya memperingatkan.
