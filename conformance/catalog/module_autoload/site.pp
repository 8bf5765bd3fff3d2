include apache
include apache::vhost
apache::site { 'one': port => 80 }
$x = apache::double(21)
notify { "x ${x}": }
