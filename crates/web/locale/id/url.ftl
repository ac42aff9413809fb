# URL.
urls-title = URL
overview = Ringkasan
urls-count = { $count ->
    [0] Belum ada URL
   *[other] { $n } URL
 }
