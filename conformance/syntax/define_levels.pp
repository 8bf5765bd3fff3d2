if true { class a {} }
if true { class b {} class c {} }
if true { function d() {} function e() {} }
class f { function g() {} type H = I }
define j { class k {} }
function l() { class m {} }
$x.each |$y| { class n {} }
$x.each |$y| { function o() {} }
node p { class q {} }
case 1 { 1: { define r {} } }
