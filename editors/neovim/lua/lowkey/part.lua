--- Parts of a suggestion, and whether it still fits the text: pure, without an editor.
local M = {}

--- The next word of `text` with the blanks before it; a run of signs counts as a word.
--- Bytes above ASCII count as letters.
function M.word(text)
  local blanks = text:match('^%s*')
  local rest = text:sub(#blanks + 1)
  return blanks .. (rest:match('^[%w_\128-\255]+') or rest:match('^[^%w_%s\128-\255]+') or '')
end

--- What is left of the line; where nothing is, the next line.
function M.line(text)
  return text:match('^[^\n]+') or text:match('^\n+[^\n]*') or ''
end

--- All of it.
function M.all(text)
  return text
end

--- Returns the part of a suggestion to show when the cursor's line is `line` and the cursor is
--- after `column` bytes of it; nil when the line no longer agrees with the suggestion.
--- A suggestion is `text`, the line's new text from its start, and `tail`, the text after the
--- cursor at the time of the request.
function M.rest(suggestion, line, column)
  local typed = line:sub(1, column)
  if line:sub(column + 1) ~= suggestion.tail or not vim.startswith(suggestion.text, typed) then return nil end
  local rest = suggestion.text:sub(column + 1)
  return rest ~= '' and rest ~= suggestion.covered and rest or nil
end

return M
