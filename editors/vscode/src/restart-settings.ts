// Generated from the server's table of settings by `UPDATE_EXPECT=1 cargo test --test tidy`.

/** Settings that a running server does not take up: a change of one restarts it. */
export const RESTART_SETTINGS = [
  'lowkey.model',
  'lowkey.threads',
  'lowkey.cache_mb',
  'lowkey.kv_cache',
  'lowkey.persistent_cache_mb',
  'lowkey.packed_weights_mb',
  'lowkey.shared_weights',
  'lowkey.speculation',
  'lowkey.order',
  'lowkey.infill',
  'lowkey.quantize',
  'lowkey.device',
];
