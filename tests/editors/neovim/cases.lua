-- Drives a running Neovim over its socket, as fingers would, and compares what it shows
-- with what it then holds.
--
-- Arguments: the socket, and a file with the mappings for partial acceptance.
-- Nothing here knows what the model will say: the ghost text on screen is read, and the
-- buffer must become exactly what that ghost text promised.

local socket, partial = arg[1], arg[2]
local editor = vim.fn.sockconnect('pipe', socket, { rpc = true })
local PATIENCE_SECONDS = 60

local function lua(code, ...)
  return vim.rpcrequest(editor, 'nvim_exec_lua', code, { ... })
end

local function keys(text)
  vim.rpcrequest(editor, 'nvim_input', text)
end

local function type_text(text)
  keys((text:gsub('<', '<lt>')))
end

local function fail(message)
  local state = lua('return vim.inspect(State())')
  io.stderr:write('FAIL: ' .. message .. '\nthe editor then: ' .. state .. '\n')
  os.exit(1)
end

local function check(condition, message)
  if not condition then fail(message) end
end

--- Polls until `condition` gives something true, and returns that.
local function eventually(what, condition)
  local deadline = vim.uv.hrtime() + PATIENCE_SECONDS * 1e9
  repeat
    local value = condition()
    if value then return value end
    vim.uv.sleep(25)
  until vim.uv.hrtime() > deadline
  fail('waited ' .. PATIENCE_SECONDS .. ' s in vain for ' .. what)
end

-- What the driver asks the editor for. `asked` counts requests, so that a case knows
-- when the answer to its last key is there.
lua([[
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
    local space = vim.api.nvim_create_namespace('nvim.lsp.inline_completion')
    local mark = vim.api.nvim_buf_get_extmarks(0, space, 0, -1, { details = true })[1]
    if mark then
      local function join(chunks)
        return table.concat(vim.tbl_map(function(chunk) return chunk[1] end, chunks or {}))
      end
      local ghost = { row = mark[2] + 1, column = mark[3], overlay = mark[4].virt_text_pos == 'overlay' }
      ghost.lines = vim.list_extend({ join(mark[4].virt_text) }, vim.tbl_map(join, mark[4].virt_lines or {}))
      -- An extmark that draws nothing is no ghost text.
      if table.concat(ghost.lines) ~= '' then state.ghost = ghost end
    end
    return state
  end
]])

local function state()
  return lua('return State()')
end

--- Waits until the question after the last key was asked and answered.
--- `before` is what `asked` said before that key.
local function settled(before)
  local quiet_since, last
  return eventually('an answer to the last key', function()
    local now = state()
    local same = last and last.asked == now.asked
    last = now
    if now.asked == before or now.pending > 0 or not same then
      quiet_since = nil
      return nil
    end
    quiet_since = quiet_since or vim.uv.hrtime()
    -- Longer than the client's own 200 ms from a key to its request.
    return vim.uv.hrtime() - quiet_since > 400 * 1e6 and now
  end)
end

local function type_and_settle(text)
  local before = state().asked
  type_text(text)
  return settled(before)
end

--- Types `text` key by key until there is ghost text of at least `n_least` bytes (1), and settles.
--- On a machine with other work an answer may come too late to be given; Neovim asks
--- again when insert mode is entered again, and by then lowkey has gone on decoding.
local function type_until_ghost(text, n_least)
  local now
  local function enough() return now.ghost and #now.ghost.lines[1] >= (n_least or 1) and now end
  for index = 1, #text do
    now = type_and_settle(text:sub(index, index))
    if enough() then return now end
  end
  return eventually('ghost text behind ' .. vim.inspect(now.line:sub(1, now.column)), function()
    local before = state().asked
    keys('<Esc>a')
    now = settled(before)
    return enough()
  end)
end

--- The buffer's lines that the ghost text of `before` promises.
local function promised(before)
  local ghost, lines = before.ghost, vim.deepcopy(before.lines)
  local line = lines[ghost.row]
  local new = vim.deepcopy(ghost.lines)
  new[1] = line:sub(1, ghost.column) .. new[1]
  -- Inline ghost text pushes the rest of the line aside, an overlay hides it.
  if not ghost.overlay then new[#new] = new[#new] .. line:sub(ghost.column + 1) end
  table.remove(lines, ghost.row)
  for index = #new, 1, -1 do table.insert(lines, ghost.row, new[index]) end
  return lines
end

local function accept(what, before)
  local expected = promised(before)
  keys('<Tab>')
  eventually(what .. ': the buffer to become what the ghost text promised:\n' .. table.concat(expected, '\n'), function()
    return vim.deep_equal(state().lines, expected)
  end)
  print(('ok   %s: %s'):format(what, vim.inspect(table.concat(before.ghost.lines, '\n'))))
  return state()
end

local function open(file)
  keys('<Esc>')
  keys(':edit! ' .. file .. '<CR>')
  eventually('lowkey to be attached to ' .. file, function()
    local now = state()
    return now.attached and now.mode == 'n' and vim.endswith(lua('return vim.api.nvim_buf_get_name(0)'), file)
  end)
end

--- Opens a file and goes into insert mode on a new, empty line below the one that holds `mark`.
local function below(file, mark)
  open(file)
  lua("vim.fn.search(..., 'cw')", '\\V' .. mark)
  keys('o<C-u>')
  eventually('insert mode', function() return state().mode == 'i' end)
end

-- The cases.

below('shapes.py', 'self.side = side')
accept('a Python line', type_until_ghost('    def area(self):'))

below('counter.rs', 'self.count += 1;')
accept('a Rust line', type_until_ghost('        self.total += 1'))

-- A bracket that the editor closed by itself stands behind the cursor.
below('shapes.py', 'squares = [')
type_and_settle('print()')
keys('<Left>')
local now = type_until_ghost('Square(2).area')
now = accept('inside a closed bracket', now)
local _, opened = now.line:gsub('%(', '')
local _, closed = now.line:gsub('%)', '')
check(opened == closed, 'brackets do not match after accepting: ' .. now.line)

-- Typing what the ghost text says keeps the rest of it, before and after the answer.
below('shapes.py', 'self.side = side')
now = type_until_ghost('    def area(self):', 3)
local ghost = now.ghost.lines[1]
local rest = ghost:sub(vim.str_utf_end(ghost, 1) + 2)
local before = now.asked
type_text(ghost:sub(1, #ghost - #rest))
eventually('the ghost text to follow the typed character', function()
  local shown = state().ghost
  return shown and vim.startswith(shown.lines[1], rest)
end)
now = settled(before)
check(now.ghost and vim.startswith(now.ghost.lines[1], rest),
  ('after typing along, %q is no longer what is shown'):format(rest))
print('ok   typing along keeps the rest: ' .. vim.inspect(rest))

-- Leaving insert mode hides it, coming back shows it again.
keys('<Esc>')
eventually('the ghost text to go with insert mode', function()
  local left = state()
  return left.mode == 'n' and not left.ghost
end)
before = state().asked
keys('a')
now = settled(before)
check(now.ghost and vim.startswith(now.ghost.lines[1], rest), 'no ghost text after returning to insert mode')
print('ok   leaving insert mode hides it, coming back shows it')

-- Typing something else: what was shown is not shown any more.
local stale = now.ghost.lines[1]
local other = stale:sub(1, 1) == 'q' and 'z' or 'q'
now = type_and_settle(other)
check(now.line:sub(now.column, now.column) == other, 'the typed character is not in the buffer')
check(not now.ghost or now.ghost.lines[1] ~= stale:sub(2),
  ('the ghost text %q outlived a key that it does not agree with'):format(stale))
if now.ghost then
  check(vim.startswith(promised(now)[now.row], now.line:sub(1, now.column)),
    'the new ghost text would take back what was typed')
end
print('ok   typing something else drops it')

-- Backspace returns to what was known.
before = state().asked
keys('<BS>')
now = settled(before)
check(now.ghost, 'no ghost text after taking the key back')
print('ok   backspace brings one back: ' .. vim.inspect(now.ghost.lines[1]))

-- The documented mappings for a part of it.
lua('dofile(...)', partial)
for name, key in pairs({ word = '<M-w>', line = '<M-l>' }) do
  below('shapes.py', 'self.side = side')
  now = type_until_ghost('    def area(self):')
  local expected = promised(now)[now.row]
  local typed = now.line:sub(1, now.column)
  keys(key)
  now = eventually('a part to be accepted', function()
    local after = state()
    return after.line ~= typed and after
  end)
  check(vim.startswith(expected, now.line:sub(1, now.column)) and now.column > #typed,
    ('accepting a %s made %q of %q'):format(name, now.line, expected))
  if name == 'line' then check(now.line:sub(1, now.column) == expected, 'the line is not whole: ' .. now.line) end
  print(('ok   accepting a %s: %q'):format(name, now.line))
end

-- On a line of blanks the model may want other blanks, which ghost text cannot show.
-- What is shown must be what comes; where nothing is shown, <Tab> is only a tab.
for file, mark in pairs({ ['stack.rs'] = 'pub fn len(', ['shapes.py'] = 'class Square' }) do
  below(file, mark)
  before = state().asked
  keys('<Esc>cc')
  now = settled(before)
  check(now.line:match('^%s+$'), 'the line is not indented: ' .. vim.inspect(now.line))
  if now.ghost then
    accept('a line of blanks', now)
  else
    keys('<Tab>')
    eventually('<Tab> to be a tab where there is no ghost text', function()
      local after = state()
      return after.column > now.column and after.line:match('^%s+$') and #after.lines == #now.lines
    end)
    print('ok   a line of blanks: <Tab> is a tab where nothing is shown')
  end
end

-- A file with secrets stays unseen: asked, answered, nothing shown.
below('.env', 'API_SECRET')
for index = 1, #'API_SECRET=' do
  local secret = ('API_SECRET='):sub(index, index)
  check(not type_and_settle(secret).ghost, 'ghost text in a file of secrets')
end
print('ok   silence in a file of secrets')

-- The end, as a user would.
local children = lua('return vim.api.nvim_get_proc_children(vim.fn.getpid())')
local servers = vim.tbl_filter(function(child)
  return lua('return (vim.api.nvim_get_proc(...) or {}).name', child) == 'lowkey'
end, children)
check(#servers == 1, 'one lowkey should run for all buffers, not ' .. #servers)
vim.fn.writefile({ tostring(servers[1]) }, 'server.pid')
keys('<Esc>')
keys(':qa!<CR>')
