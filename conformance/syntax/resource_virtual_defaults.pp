@File { a => 1 }
