define a { [1] }
node b { File }
node c { {a => 1} }
function d() { 1 }
define e { undef }
define f { File[x] }
define g { default }
