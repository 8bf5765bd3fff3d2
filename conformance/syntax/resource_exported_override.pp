@@File[a] { a => 1 }
