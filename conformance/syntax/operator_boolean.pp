$a = true and false or true and false
$b = !true and !false
$c = ! ! true
$d = !$x == $y
$e = 1 == 2 and 3 != 4 or 5 < 6
$f = !($x or $y)
