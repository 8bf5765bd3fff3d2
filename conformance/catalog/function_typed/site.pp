function f::t(String $a, Variant[Integer, Undef] $b = undef, Array[String] *$c) >> String { "${a} ${b} ${c}" }
notify { [f::t('x'), f::t('y', 1), f::t('z', undef, 'q', 'r')]: }
function g::t(Array[String] *$c) { $c }

