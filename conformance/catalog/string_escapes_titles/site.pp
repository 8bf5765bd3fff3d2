notify { "tab\there": }
notify { 'quote"s and \'apos\'': }
notify { "new\nline": message => "a\\b" }
notify { '[bracket]': }
notify { 'r': require => Notify['[bracket]'] }
