$a = 1 + 2 * 3 == 7 and !false or $x in [1] ? { true => 1, default => -1 + 2 }
$b = $x << 1 + 2 =~ /3/
$c = 5 % 2 == 1 ? { true => 'odd', false => 'even' }
$d = not in $x
