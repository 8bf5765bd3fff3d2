type Port = Integer[1,65535]
type Tree = Hash[String, Variant[Integer, Tree]]
define listen(Port $port, Tree $t = {}) { notify { "l ${port} ${t}": } }
listen { 'a': port => 80, t => {'a' => 1, 'b' => {'c' => 2}} }
notify { "x ${80 =~ Port} ${0 =~ Port} ${Port}": }
