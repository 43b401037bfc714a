//! Interrupted saves, with the toy model's caches.

use std::cell::Cell;

use lowkey_model::{LogitsMode, ModelFile};
use lowkey_test_support::{TOY_BYTES, TOY_NAME};

use super::*;
use crate::persist::test_folder::TestFolder;

impl TestFolder {
    fn session_store(&self, model: &dyn CausalLm) -> SessionStore {
        let persist = PersistOptions::new(self.0.clone(), 64 << 20, String::new());
        SessionStore::open(&persist, Identity::new("digest", model.config()), model).unwrap()
    }

    fn n_files(&self) -> usize {
        std::fs::read_dir(self.0.join(FOLDER)).unwrap().count()
    }
}

fn model() -> Box<dyn CausalLm> {
    let file = ModelFile::from_bytes(TOY_NAME, TOY_BYTES).unwrap();
    lowkey_model::load(&file, 1, &mut |_| {}).unwrap()
}

fn computed(model: &mut dyn CausalLm, tokens: &[TokenId]) -> KvCache {
    let mut cache = model.new_cache(tokens.len());
    model.forward(tokens, &mut cache, LogitsMode::None, &mut Vec::new(), &|| false).unwrap();
    cache
}

#[test]
fn interrupted_save_keeps_the_earlier_file() {
    let folder = TestFolder::new("store-interrupted");
    let mut model = model();
    let tokens: Vec<TokenId> = (1..60).collect();
    let mut store = folder.session_store(&*model);
    let short = computed(&mut *model, &tokens[..30]);
    assert!(store.save(&tokens[..30], &short, &|| false));
    let long = computed(&mut *model, &tokens);
    for n_layers in 0..model.config().n_layers {
        let asked = Cell::new(0);
        let interrupted = || asked.replace(asked.get() + 1) == n_layers;
        assert!(!store.save(&tokens, &long, &interrupted), "after {n_layers} layers");
        assert_eq!(folder.n_files(), 1, "after {n_layers} layers");
    }
    assert_eq!(store.n_unsaved(&tokens), 29);
    let (found, _) = folder.session_store(&*model).take(&tokens, 16, 58, &*model, &|n| n).unwrap();
    assert_eq!(found, &tokens[..30], "the earlier one is whole");
    // The interruption broke nothing: the next save succeeds and replaces the earlier file.
    assert!(store.save(&tokens, &long, &|| false));
    assert_eq!((store.n_unsaved(&tokens), folder.n_files()), (0, 1));
}

#[test]
fn take_reads_the_best_session() {
    let folder = TestFolder::new("store-most");
    let mut model = model();
    let mut store = folder.session_store(&*model);
    let line = |last: TokenId| (1..100).chain(std::iter::repeat_n(last, 100)).collect::<Vec<_>>();
    for last in [200, 201] {
        let cache = computed(&mut *model, &line(last));
        assert!(store.save(&line(last), &cache, &|| false));
    }
    let mut take = |prompt: &[TokenId], min_shared| {
        store.take(prompt, min_shared, prompt.len() - 1, &*model, &|n| n).map(|(tokens, cache)| {
            assert_eq!(tokens.len(), cache.len(), "a token for each position");
            tokens
        })
    };
    assert_eq!(take(&line(201), 16), Some(line(201)[..198].to_vec()));
    assert_eq!(take(&line(200)[..150], 16), Some(line(200)[..149].to_vec()));
    assert_eq!(take(&line(202), 16), Some(line(202)[..99].to_vec()));
    assert_eq!(take(&line(202), 100), None, "what memory has is as good");
    assert_eq!(take(&[7, 8, 9], 1), None);
}

#[test]
fn session_without_room_stays_on_disk() {
    let folder = TestFolder::new("store-room");
    let mut model = model();
    let tokens: Vec<TokenId> = (1..60).collect();
    let cache = computed(&mut *model, &tokens);
    let mut store = folder.session_store(&*model);
    assert!(store.save(&tokens, &cache, &|| false));
    // A small cache simulates a lack of memory.
    assert!(store.take(&tokens, 16, 58, &*model, &|_| 10).is_none());
    assert_eq!(folder.n_files(), 1);
    assert!(folder.session_store(&*model).take(&tokens, 16, 58, &*model, &|n| n).is_some());
}
