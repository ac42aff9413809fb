# Kunci API.
keys-title = Kunci API
keys-lead = Yang membuat point of sale Anda bisa melaporkan event ke akun ini.
keys-empty = Belum ada kunci
keys-empty-why = Kunci membuat perangkat lunak Anda bisa mengirim event. Kunci membuka akun ini saja.
key-name = Nama
key-scopes = Boleh
key-valid = Berlaku
key-over = Berakhir
key-revoke = Cabut
key-new = Kunci baru
key-use = Untuk apa
key-publish = Melaporkan event saja
key-all = Semua di akun ini
key-create = Buat kunci
key-made = Salin sekarang
key-made-why = Hanya ditampilkan sekali ini: yang disimpan hanya hash-nya.
done-revoked = Kunci dicabut. Mulai sekarang tidak membuka apa pun.
