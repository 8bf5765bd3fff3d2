$data = { 'servers' => [ { 'name' => 'a', 'port' => 80 }, { 'name' => 'b', 'port' => 81 } ], 'flag' => true }
file { '/etc/x.conf': content => epp('conf/x.conf.epp', $data) }
file { '/etc/y.conf': content => inline_epp(@(END), { 'v' => [1,2,3] }) }
<%- | Array $v, $sep = ', ' | -%>
joined <%= $v.join($sep) %>
<% if $v.length > 2 { -%>
long
<% } else { -%>
short
<% } -%>
| END
