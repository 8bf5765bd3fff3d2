foo()
$x + 1
$y =~ /z/
'last'
