notify { "f ${facts['os']['family']} ${os['name']} ${::kernel} ${processors['count']} ${facts['load']}": }
notify { "t ${trusted['certname']} ${trusted['authenticated']} ${trusted['domain']}": }
notify { "s ${server_facts['serverversion']} ${servername} ${environment} ${server_facts['environment']}": }
if $facts['is_virtual'] { notify { 'virtual': } }
notify { 'all': message => $facts }
$m = $facts['mounts'].map |$p| { "m ${p}" }
notify { $m: }
if $nothing =~ Undef { notify { 'nothing': } }
