//! Saved weights read back bit for bit, and a changed file is refused.

use std::path::PathBuf;

use super::*;
use crate::block::{BlockType, Rows, Shape};
use crate::layout::TILE;
use crate::matrix::Matrix;
use crate::reference::random_blocks;

const KEY: [u8; KEY_BYTES] = [b'k'; KEY_BYTES];
const MAP_POLICIES: [MapPolicy; 3] = [MapPolicy::Auto, MapPolicy::Always, MapPolicy::Never];

/// A test's own file, removed when the test ends.
struct TestFile(PathBuf);

impl TestFile {
    fn new(name: &str) -> Self {
        let name = format!("lowkey-packed-{name}-{}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn write(&self, bytes: &[u8]) -> File {
        std::fs::write(&self.0, bytes).unwrap();
        File::open(&self.0).unwrap()
    }
}

impl Drop for TestFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Returns the shapes of matrices of every type, then of a stacked one and of a pair.
fn shapes() -> Vec<Vec<Shape>> {
    let shape = |kind, n| Shape { kind, n, k: 512 };
    let mut shapes: Vec<Vec<Shape>> =
        BlockType::ALL.iter().map(|kind| vec![shape(*kind, 40)]).collect();
    shapes.push(vec![shape(BlockType::Q5_0, 24), shape(BlockType::Q8_0, 17)]);
    shapes.push(vec![shape(BlockType::Q4_0, 4 * TILE); 2]);
    shapes
}

fn packed_bytes(shapes: &[Vec<Shape>]) -> usize {
    let bytes = |shape: &Shape| Matrix::packed_bytes(shape.kind, shape.n, shape.k).unwrap();
    shapes.iter().flatten().map(bytes).sum()
}

/// Packs random matrices of these shapes into one reserve.
fn pack(shapes: &[Vec<Shape>]) -> (Vec<Matrix>, PackedWeights) {
    let arena = WeightArena::new(packed_bytes(shapes)).unwrap();
    let matrix = |(seed, shapes): (usize, &Vec<Shape>)| {
        let blocks = |shape: &Shape| {
            random_blocks(shape.kind, shape.n * shape.k / shape.kind.block_len(), seed as u64 + 1)
        };
        let bytes: Vec<Vec<u8>> = shapes.iter().map(blocks).collect();
        let rows = shapes.iter().zip(&bytes);
        let rows: Vec<Rows<'_>> =
            rows.map(|(&Shape { kind, n, k }, bytes)| Rows { kind, n, k, bytes }).collect();
        Matrix::pack_into(&arena, &Pool::new(1), &rows).unwrap()
    };
    let matrices = shapes.iter().enumerate().map(matrix).collect();
    (matrices, arena.into_packed_weights().unwrap())
}

fn saved(packed: &PackedWeights) -> Vec<u8> {
    let mut bytes = Vec::new();
    packed
        .save(&KEY, &mut |piece| {
            assert!(piece.len() <= CHUNK);
            bytes.extend_from_slice(piece);
            Ok(())
        })
        .unwrap();
    assert_eq!(bytes.len() as u64, PackedWeights::file_bytes(packed.len()));
    bytes
}

fn weights(matrix: &Matrix) -> Vec<u32> {
    let mut row = vec![0.0; matrix.k()];
    let mut weights = Vec::new();
    for n in 0..matrix.n() {
        matrix.row(n, &mut row).unwrap();
        weights.extend(row.iter().map(|weight| weight.to_bits()));
    }
    weights
}

#[test]
fn saved_matrices_read_back_bit_equal() {
    let shapes = shapes();
    let (matrices, packed) = pack(&shapes);
    let test = TestFile::new("whole");
    let file = test.write(&saved(&packed));
    for map_policy in MAP_POLICIES {
        for threads in [1, 3] {
            let pool = Pool::new(threads);
            let (arena, memory) =
                PackedWeights::open(&file, packed.len(), &KEY, map_policy, &pool).unwrap();
            assert_eq!(
                memory == WeightMemory::Copied,
                map_policy == MapPolicy::Never,
                "{map_policy:?}"
            );
            for (matrix, shapes) in matrices.iter().zip(&shapes) {
                let found = Matrix::from_filled(&arena, shapes).unwrap();
                assert_eq!((found.n(), found.k()), (matrix.n(), matrix.k()));
                assert_eq!(found.is_pair(), matrix.is_pair());
                assert_eq!(weights(&found), weights(matrix), "{shapes:?} {map_policy:?}");
            }
            // The last matrix is taken, so the reserve has no further one.
            assert!(Matrix::from_filled(&arena, &shapes[0]).is_none());
            assert!(arena.into_packed_weights().is_none(), "nothing to save");
        }
    }
}

#[test]
fn filled_reserve_is_never_written() {
    let shapes = shapes();
    let (matrices, packed) = pack(&shapes);
    let test = TestFile::new("unwritten");
    let file = test.write(&saved(&packed));
    let pool = Pool::new(1);
    let (arena, _) =
        PackedWeights::open(&file, packed.len(), &KEY, MapPolicy::Always, &pool).unwrap();
    let blocks = random_blocks(BlockType::Q8_0, 16, 99);
    let rows = Rows { kind: BlockType::Q8_0, n: 16, k: 32, bytes: &blocks };
    let other = Matrix::pack_into(&arena, &pool, &[rows]).unwrap();
    assert_eq!(weights(&other), weights(&Matrix::pack(&[rows]).unwrap()));
    // A matrix that cannot exist.
    assert!(Matrix::from_filled(&arena, &[]).is_none());
    assert!(
        Matrix::from_filled(&WeightArena::new(1 << 20).unwrap(), &shapes[0]).is_none(),
        "an empty reserve has nothing"
    );
    assert_eq!(std::fs::read(&test.0).unwrap(), saved(&packed));
    drop(matrices);
}

#[test]
fn changed_file_is_refused() {
    // More bytes than one checksum covers.
    let shapes = vec![vec![Shape { kind: BlockType::F32, n: 1200, k: 512 }]];
    let (_, packed) = pack(&shapes);
    let bytes = saved(&packed);
    assert!(packed.len() > CHUNK);
    let test = TestFile::new("damaged");
    let pool = Pool::new(2);
    let refused = |bytes: &[u8], len: usize, key: &[u8; KEY_BYTES]| {
        let file = test.write(bytes);
        let [first, rest @ ..] = MAP_POLICIES.map(|map_policy| {
            match PackedWeights::open(&file, len, key, map_policy, &pool) {
                Ok(_) => "taken".to_owned(),
                Err(refused) => refused.to_string(),
            }
        });
        assert!(rest.iter().all(|other| *other == first), "{first}, {rest:?}");
        first
    };
    assert_eq!(refused(&bytes, packed.len(), &KEY), "taken");
    let end = bytes.len();
    for cut in [0, 1, 1000, packed.len(), packed.len() + 1, end - footer::BYTES, end - 1] {
        assert_eq!(
            refused(&bytes[..cut], packed.len(), &KEY),
            PackedFileError::Damaged.to_string()
        );
    }
    assert_eq!(refused(&[&bytes[..], &[0]].concat(), packed.len(), &KEY), "it is damaged");
    let in_footer = end - footer::BYTES..end - 8;
    let spots = [0, CHUNK - 1, CHUNK, packed.len() - 1, packed.len(), in_footer.start - 1, end - 1];
    for spot in spots.into_iter().chain(in_footer.step_by(5)) {
        let mut flipped = bytes.clone();
        flipped[spot] ^= 4;
        let verdict = refused(&flipped, packed.len(), &KEY);
        assert!(verdict != "taken" && !verdict.contains("cannot"), "byte {spot}: {verdict}");
    }
    let mut key = KEY;
    key[KEY_BYTES - 1] ^= 1;
    assert_eq!(refused(&bytes, packed.len(), &key), PackedFileError::OtherWeights.to_string());
    assert_eq!(refused(&bytes, packed.len() - 64, &KEY), PackedFileError::OtherWeights.to_string());
    let mut version = bytes.clone();
    version[end - footer::BYTES + 16] ^= 3;
    assert_eq!(refused(&version, packed.len(), &KEY), PackedFileError::OtherWeights.to_string());
}

#[test]
fn save_stops_at_first_error() {
    let (_, packed) = pack(&shapes());
    let mut n_pieces = 0;
    let ended = packed.save(&KEY, &mut |_| {
        n_pieces += 1;
        Err(io::ErrorKind::StorageFull.into())
    });
    assert_eq!((ended.unwrap_err().kind(), n_pieces), (io::ErrorKind::StorageFull, 1));
}

/// If this fails, the packed form of a type or of the file has changed: raise [`PACKING_VERSION`], so that
/// files of earlier builds are not read with the new format, and enter the new digest.
#[test]
fn file_bytes_match_packing_version() {
    let (_, packed) = pack(&shapes());
    assert_eq!(
        (PACKING_VERSION, XxHash3_64::oneshot(&saved(&packed))),
        (1, 3_895_869_724_275_205_716)
    );
}
