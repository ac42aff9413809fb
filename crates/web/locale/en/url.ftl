# URLs.
urls-title = URL
overview = Overview
urls-count = { $count ->
    [0] No URL yet
    [one] 1 URL
   *[other] { $n } URLs
 }
