# Referensi API.
reference-title = Referensi API
reference-document = Dokumen OpenAPI
reference-find = Cari nama, path, atau metode
reference-groups = Kelompok
reference-count = { $count ->
   *[other] { $n } operasi
}
reference-event = event
reference-deprecated = usang
reference-extended = diperluas
reference-ours = Milik Ringup
reference-extended-long = Milik Svix, di sini bisa lebih
reference-dialect = Sama seperti Svix
reference-instead = Gunakan sebagai gantinya:
reference-call = Panggilan
reference-parameters = Parameter
reference-body = Isi
reference-optional = boleh dikosongkan
reference-answers = Jawaban
reference-field = Nama
reference-kind = Tipe
reference-about = Penjelasan
reference-required = wajib
reference-scope = Memerlukan cakupan
reference-needs-nothing = Untuk semua orang, tanpa kunci
reference-needs-key = Kunci apa pun
reference-needs-account = di akun yang disebut; kunci akun itu cukup
reference-needs-reached = di lingkungan; kunci satu akun melihat miliknya sendiri
reference-needs-environment = di seluruh lingkungan; kunci satu akun tidak cukup
reference-needs-operator = hanya dengan kunci operator
