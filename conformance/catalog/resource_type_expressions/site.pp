Resource['notify'] { 'a': message => 'r' }
$l = [Notify['a']]
Notify['a'] { loglevel => 'info' }
Resource['Notify', 'a'] -> Resource['notify']['z']
notify { 'z': }
