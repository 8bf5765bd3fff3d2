if true { $inner = 'set' }
notify { "i ${inner}": }
class k { unless false { $u = 'u' } case 'x' { default: { $c = 'c' } } notify { "k ${u} ${c}": } }
include k
