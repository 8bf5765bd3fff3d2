class a { $a = 1 }
5
6
7
8
