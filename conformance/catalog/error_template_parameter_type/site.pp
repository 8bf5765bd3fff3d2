notice(inline_epp("<%- | Integer \$x | -%>ok", {"x" => "s"}))
