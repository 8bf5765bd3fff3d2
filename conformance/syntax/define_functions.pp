function a() { }
function b::c($x, *$y) { $x }
function d(Integer $x = 1) >> Integer { $x }
function e >> String { 'x' }
