notify { 'f': message => file('m/data.txt') }
notify { 't': message => epp('m/t.epp', {'name' => 'World', 'items' => [1,2]}) }
notify { 'u': message => epp('m/plain.epp') }
notify { 'i': message => inline_epp('<% [1,2].each |$x| { -%>x<%= $x %> <% } -%>end', {}) }
class k { $v = 'local' notify { 'l': message => inline_epp('v=<%= $v %>') } }
include k
file { '/s': source => 'puppet:///modules/m/data.txt' }
