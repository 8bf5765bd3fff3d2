create_resources('notify', {'a' => {'message' => 'm'}, 'b' => {}}, {'loglevel' => 'info'})
create_resources('@file', {'/v' => {'mode' => '0644'}})
define d($x) { notify { "d ${title} ${x}": } }
create_resources(d, {'q' => {'x' => 1}})
class k($p) { notify { "k ${p}": } }
create_resources('class', {'k' => {'p' => 2}})
realize File['/v']
