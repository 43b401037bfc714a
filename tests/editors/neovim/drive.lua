-- Drives a running Neovim over its socket, as a user would, and reads its screen. Loaded with
-- `dofile`; returns a table of functions.
--
-- The model's answers are unknown: the tests read the ghost text on the screen and check that the
-- buffer becomes exactly the text that the ghost text shows.

local M = {}
local PATIENCE_SECONDS = 60
-- Longer than the 200 ms that Neovim's own ghost text waits from a key to its request.
M.quiet_ms = 400
local editor

-- Functions that run in the editor. `asked` counts requests, so that a case can wait for the answer
-- to its last key.
local EYES = [[
  asked = 0
  vim.api.nvim_create_autocmd('LspRequest', { callback = function(event)
    local request = event.data.request
    if request.method == 'textDocument/inlineCompletion' and request.type == 'pending' then asked = asked + 1 end
  end })

  function State()
    local client = vim.lsp.get_clients({ bufnr = 0, name = 'lowkey' })[1]
    local pending = 0
    for _, request in pairs(client and client.requests or {}) do
      if request.method == 'textDocument/inlineCompletion' then pending = pending + 1 end
    end
    local cursor = vim.api.nvim_win_get_cursor(0)
    local state = {
      attached = client ~= nil and client.initialized == true,
      asked = asked, pending = pending,
      row = cursor[1], column = cursor[2],
      line = vim.api.nvim_get_current_line(),
      lines = vim.api.nvim_buf_get_lines(0, 0, -1, false),
      mode = vim.api.nvim_get_mode().mode,
    }
    if package.loaded['lowkey'] then state.status = require('lowkey').state() end
    -- Neovim's own ghost text, or the plugin's.
    local mark
    for _, name in ipairs({ 'nvim.lsp.inline_completion', 'lowkey' }) do
      local space = vim.api.nvim_create_namespace(name)
      mark = mark or vim.api.nvim_buf_get_extmarks(0, space, 0, -1, { details = true })[1]
    end
    if mark then
      -- The index of a suggestion among several follows it in another colour.
      local count
      local function join(chunks)
        return table.concat(vim.tbl_map(function(chunk)
          if not chunk[2]:find('More$') then return chunk[1] end
          count = chunk[1]
          return ''
        end, chunks or {}))
      end
      local ghost = { row = mark[2] + 1, column = mark[3], overlay = mark[4].virt_text_pos == 'overlay' }
      ghost.lines = vim.list_extend({ join(mark[4].virt_text) }, vim.tbl_map(join, mark[4].virt_lines or {}))
      ghost.count = count
      -- Blanks that cover the end of a longer line.
      if ghost.overlay then ghost.lines[1] = ghost.lines[1]:gsub(' +$', '') end
      -- An extmark without text is not ghost text.
      if table.concat(ghost.lines) ~= '' then state.ghost = ghost end
    end
    return state
  end
]]

function M.connect(socket)
  editor = vim.fn.sockconnect('pipe', socket, { rpc = true })
  M.lua(EYES)
end

function M.lua(code, ...)
  return vim.rpcrequest(editor, 'nvim_exec_lua', code, { ... })
end

function M.keys(text)
  vim.rpcrequest(editor, 'nvim_input', text)
end

function M.type_text(text)
  M.keys((text:gsub('<', '<lt>')))
end

function M.fail(message)
  local state = M.lua('return vim.inspect(State())')
  io.stderr:write('FAIL: ' .. message .. '\nthe editor then: ' .. state .. '\n')
  os.exit(1)
end

--- Prints a successful check at once.
function M.ok(what)
  io.stdout:write('ok   ', what, '\n')
  io.stdout:flush()
end

function M.check(condition, message)
  if not condition then M.fail(message) end
end

--- Polls until `condition` returns a true value, and returns that value.
function M.eventually(what, condition)
  local deadline = vim.uv.hrtime() + PATIENCE_SECONDS * 1e9
  repeat
    local value = condition()
    if value then return value end
    vim.uv.sleep(25)
  until vim.uv.hrtime() > deadline
  M.fail('waited ' .. PATIENCE_SECONDS .. ' s in vain for ' .. what)
end

function M.state()
  return M.lua('return State()')
end

--- Waits until the request for the last key was sent and answered. `before` is the value of `asked`
--- before that key.
function M.settled(before)
  local quiet_since, last
  return M.eventually('an answer to the last key', function()
    local now = M.state()
    local same = last and last.asked == now.asked
    last = now
    if now.asked == before or now.pending > 0 or not same then
      quiet_since = nil
      return nil
    end
    quiet_since = quiet_since or vim.uv.hrtime()
    return vim.uv.hrtime() - quiet_since > M.quiet_ms * 1e6 and now
  end)
end

function M.type_and_settle(text)
  local before = M.state().asked
  M.type_text(text)
  return M.settled(before)
end

--- Types `text` letter by letter until there is ghost text of at least `n_least` bytes (default 1),
--- and waits until it is stable. On a busy machine an answer may come too late. Neovim repeats the
--- request when insert mode is entered again, and lowkey has continued decoding by then.
function M.type_until_ghost(text, n_least)
  local now = M.state()
  local function enough() return now.ghost and #now.ghost.lines[1] >= (n_least or 1) and now end
  -- Blanks at once, then key by key.
  for piece in text:gmatch('%s*%S') do
    now = M.type_and_settle(piece)
    if enough() then return now end
  end
  return M.eventually('ghost text after ' .. vim.inspect(now.line:sub(1, now.column)), function()
    local before = M.state().asked
    M.keys('<Esc>a')
    now = M.settled(before)
    return enough()
  end)
end

--- Returns the buffer's lines after the ghost text of `before` is accepted.
function M.promised(before)
  local ghost, lines = before.ghost, vim.deepcopy(before.lines)
  local line = lines[ghost.row]
  local new = vim.deepcopy(ghost.lines)
  new[1] = line:sub(1, ghost.column) .. new[1]
  -- Inline ghost text moves the rest of the line to the right; an overlay covers it.
  if not ghost.overlay then new[#new] = new[#new] .. line:sub(ghost.column + 1) end
  table.remove(lines, ghost.row)
  for index = #new, 1, -1 do table.insert(lines, ghost.row, new[index]) end
  return lines
end

function M.accept(what, before)
  local expected = M.promised(before)
  M.keys('<Tab>')
  M.eventually(what .. ': the buffer to become what the ghost text promised:\n' .. table.concat(expected, '\n'), function()
    return vim.deep_equal(M.state().lines, expected)
  end)
  M.ok(('%s: %s'):format(what, vim.inspect(table.concat(before.ghost.lines, '\n'))))
  return M.state()
end

function M.open(file)
  M.keys('<Esc>')
  M.keys(':edit! ' .. file .. '<CR>')
  M.eventually('lowkey to be attached to ' .. file, function()
    local now = M.state()
    return now.attached and now.mode == 'n' and vim.endswith(M.lua('return vim.api.nvim_buf_get_name(0)'), file)
  end)
end

--- Opens a file and enters insert mode on a new, empty line below the one that contains `mark`.
function M.below(file, mark)
  M.open(file)
  M.lua("vim.fn.search(..., 'cw')", '\\V' .. mark)
  M.keys('o<C-u>')
  M.eventually('insert mode', function() return M.state().mode == 'i' end)
end

--- Returns the process of the only server in the editor. A server that was told to end first saves
--- its sessions, so there may be two for a moment.
function M.server()
  local servers
  M.eventually('one lowkey for all buffers', function()
    local children = M.lua('return vim.api.nvim_get_proc_children(vim.fn.getpid())')
    servers = vim.tbl_filter(function(child)
      return M.lua('return (vim.api.nvim_get_proc(...) or {}).name', child) == 'lowkey'
    end, children)
    return #servers <= 1
  end)
  return servers[1]
end

--- Ends the editor as a user would, and writes the process id of its server to a file.
function M.leave()
  local server = M.server()
  M.check(server, 'no server runs at the end')
  vim.fn.writefile({ tostring(server) }, 'server.pid')
  M.keys('<Esc>')
  M.keys(':qa!<CR>')
end

return M
