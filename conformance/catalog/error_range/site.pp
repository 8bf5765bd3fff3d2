define d(Integer[1,5] $p) { }
d { "x": p => 9 }
