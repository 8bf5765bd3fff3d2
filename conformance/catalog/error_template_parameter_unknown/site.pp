notice(inline_epp("<%- | Integer \$x = 1 | -%>ok", {"y" => "s"}))
