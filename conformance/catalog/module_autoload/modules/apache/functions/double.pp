function apache::double(Integer $n) { $n * 2 }
