define a (*$x) {}
$x.each |*$a, $b| {}
function f(*$a, $b) {}
