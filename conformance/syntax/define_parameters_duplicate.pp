class a ($x, $x) {}
function b($x, $y, $x) {}
