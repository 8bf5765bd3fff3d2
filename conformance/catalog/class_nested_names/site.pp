class a { class b { notify { "in ${name} ${title}": } } define d($p = 1) { notify { "d ${name} ${title} ${p}": } } include a::b a::d { 'x': } }
include ::a
