--- `:checkhealth lowkey`
local M = {}

local function keys_of(what)
  return vim.tbl_map(function(map) return map.lhs end, vim.tbl_filter(function(map)
    return map.desc == 'lowkey: ' .. what
  end, vim.api.nvim_get_keymap('i')))
end

function M.check()
  local health = vim.health
  local client_of, lowkey = require('lowkey.client'), require('lowkey')
  health.start('lowkey')
  local version = vim.version()
  local neovim = ('Neovim %d.%d.%d'):format(version.major, version.minor, version.patch)
  if vim.fn.has('nvim-0.10') == 0 then
    health.error(neovim .. ' is too old', 'Ghost text needs Neovim 0.10.')
    return
  end
  local engine = lowkey.drawn_by()
  if not engine then
    health.error("require('lowkey').setup() was not called", 'Call it in init.lua.')
    return
  end
  health.ok(neovim .. (engine == 'lowkey.native' and ' draws the ghost text' or ': lowkey draws the ghost text'))

  local program = client_of.program()
  if program and vim.fn.executable(program) == 0 then
    health.error(('there is no program %q'):format(program), {
      'Install it (`cargo install --path .` in the project, or an archive) so that it is in PATH,',
      "or name it: require('lowkey').setup({ cmd = { '/full/path/of/lowkey' } }).",
    })
    return
  end
  local said = program and vim.trim(vim.fn.system({ program, '--version' })) or ''
  if not program then
    health.info('`cmd` is a function; which program it reaches is not known here')
  elseif vim.v.shell_error == 0 then
    health.ok(('%s (%s)'):format(said, vim.fn.exepath(program)))
  else
    health.error(('`%s --version` failed: %s'):format(program, said))
  end

  local clients = vim.lsp.get_clients({ name = client_of.NAME })
  if #clients == 0 then
    health.warn('the server does not run', 'Open a file with a file type; :LowkeyLog shows the reason.')
  end
  for _, client in ipairs(clients) do
    local buffers = vim.tbl_keys(client.attached_buffers)
    local state = #buffers > 0 and lowkey.state(buffers[1]) or { state = 'without a buffer', why = {} }
    local report = state.state == 'failed' and health.error or health.ok
    report(('the server is %s (%s), for %d buffers'):format(state.state, table.concat(state.why, '; '), #buffers))
  end

  local accept = keys_of('accept the suggestion')
  if #accept == 0 then
    health.warn('no key accepts suggestions', 'Set keys.accept, or map a key to require("lowkey").accept().')
  else
    health.ok('accepted with ' .. table.concat(accept, ', '))
  end
  for _, other in ipairs(vim.lsp.get_clients()) do
    if other.name ~= client_of.NAME and other.server_capabilities.inlineCompletionProvider then
      health.warn(other.name .. ' gives inline completions too; only one is shown at a time')
    end
  end
  health.info('`lowkey doctor` in a shell reports the model, memory and speed.')
end

return M
