class my::cls { tag 'extra', 'more' notify { 'Some Title': tag => 'x' } file { '/tmp/y': } notify { 'valid-title.1': } if tagged('extra') { notify { 'tagged': } } }
define my::def { notify { "n ${title}": } }
include my::cls
my::def { 'D': tag => 'deftag' }
