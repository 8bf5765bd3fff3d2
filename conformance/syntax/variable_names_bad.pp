$a = $Foo
$b = $1a
$c = $_a::b
$d = $01
$e = $
