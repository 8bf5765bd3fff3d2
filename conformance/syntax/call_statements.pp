notice 1
notice 1, 2
notice 'a', "b", $c
include foo, bar
include foo include bar
require ::foo
realize File[a], File[b]
tag a
contain foo::bar
fail "x ${y}"
info [1]
debug { a => 1 }
warning $x.foo
err foo(1)
notice (1)
notice
(1)
notice if true { 1 }
