-- A file with `\r\n` line ends: an accepted suggestion leaves no carriage return in a line and no
-- doubled one on disk, and the server and the buffer have the same lines.
--
-- Arguments: this folder, and the socket.

local folder, socket = arg[1], arg[2]
local drive = dofile(folder .. '/drive.lua')
local lua, keys, check, eventually = drive.lua, drive.keys, drive.check, drive.eventually
drive.connect(socket)

-- The model continues the block with several lines.
drive.below('dos.js', 'if (e) {')
check(lua('return vim.bo.fileformat') == 'dos', 'the file is not read as a dos file')
local now
for _, piece in ipairs({ '    f1', ' =', ' ' }) do now = drive.type_and_settle(piece) end
now = eventually('ghost text of several lines', function()
  if now.ghost and #now.ghost.lines > 1 then return now end
  local before = drive.state().asked
  keys('<Esc>a')
  now = drive.settled(before)
end)
check(not table.concat(now.ghost.lines, '\n'):find('\r'), 'a carriage return is drawn')
now = drive.accept('several lines in a dos file', now)
for _, line in ipairs(now.lines) do
  check(not line:find('\r'), 'a carriage return is in the line ' .. vim.inspect(line))
end

-- The server has the same number of lines as the buffer.
local function of_server()
  return lua([[
    local params = { textDocument = { uri = vim.uri_from_bufnr(0) } }
    local answers = vim.lsp.buf_request_sync(0, '$/lowkey/document', params, 10000) or {}
    local _, answer = next(answers)
    return answer and answer.result]])
end
eventually('the server to have the lines of the buffer', function()
  local document = of_server()
  -- The text ends with a line end, so the server has an empty last line.
  return document and not document.desynced and document.lines == #drive.state().lines + 1
end)
keys('<Esc>')
keys(':write<CR>')
eventually('the file to be written', function() return not lua('return vim.bo.modified') end)
local file = assert(io.open('dos.js', 'rb'))
local bytes = file:read('*a')
file:close()
check(not bytes:find('\r\r'), 'the file on disk has \\r\\r\\n')
local _, n_ends = bytes:gsub('\r\n', '')
check(n_ends == #now.lines, ('%d line ends on disk, %d lines'):format(n_ends, #now.lines))
drive.ok('no carriage return in a line, none doubled on disk')

drive.leave()
