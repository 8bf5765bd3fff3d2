$g = 'global'
function see() { "${g} ${::g}" }
node default { $g2 = 'node' notify { "f ${see()}": } function_user { 'u': } }
define function_user { $local = 1 notify { "u ${see()}": } }
