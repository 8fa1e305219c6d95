//! The self-test names the first layer that a machine computes wrongly. Here the machine is right
//! and the image is wrong: one weight of it differs from what the workstation had.

mod support;

use elbow::format::AlignedImage;
use elbow::image::{DenseSpec, ImageSpec};
use elbow::internal::reseal;
use elbow::{LayerRole, Model, SelfTestError};
use support::reference::{Reference, crc32};
use support::{Temper, check, random_spec, rows_per_input};

fn layers(spec: &ImageSpec) -> Vec<&DenseSpec> {
    let encoder = spec.encoder.iter().map(|layer| &layer.dense);
    let decoder = spec.decoder.iter().map(|layer| &layer.dense);
    let encoder = encoder.chain([&spec.heads]);
    encoder.chain(decoder).chain([&spec.output]).collect()
}

/// The starts of the weights of each layer in the image, and of its hashes, by FORMAT.md.
fn places(spec: &ImageSpec, image: &[u8]) -> (Vec<usize>, usize) {
    let header = u32::from_le_bytes(image[16..20].try_into().unwrap()) as usize;
    let inputs = spec.inputs.len();
    let mut at = (20 + header).next_multiple_of(8);
    let mut skip = |bytes: usize| {
        let start = at;
        at += bytes.next_multiple_of(8);
        start
    };
    skip(2 * inputs);
    skip(inputs);
    // Gains, then typical terms.
    skip(4 * inputs);
    skip(4 * inputs);
    match &spec.likelihood {
        elbow::image::LikelihoodSpec::Binomial { trials } => {
            skip(4 * (usize::from(*trials) + 1));
        }
        elbow::image::LikelihoodSpec::Heterogeneous(groups) => {
            let entries = groups.iter().map(|group| match group {
                elbow::image::GroupSpec::Count { largest, .. } => usize::from(*largest) + 1,
                _ => 0,
            });
            skip(inputs);
            skip(12 * inputs);
            skip(4 * entries.sum::<usize>());
        }
        elbow::image::LikelihoodSpec::Location(_) => {
            (0..3).for_each(|_| {
                skip(4 * inputs);
            });
        }
    }
    let mut weights = vec![];
    for dense in layers(spec) {
        skip(8 * dense.rows.len());
        let columns = dense.columns();
        let bytes = dense.bits.bytes(spec.packing, columns, dense.rows.len());
        weights.push(skip(bytes.unwrap()));
    }
    skip(2 * inputs);
    (weights, skip(0))
}

fn role(spec: &ImageSpec, index: usize) -> LayerRole {
    let roles = [
        vec![LayerRole::Encoder; spec.encoder.len()],
        vec![LayerRole::Heads],
        vec![LayerRole::Decoder; spec.decoder.len()],
        vec![LayerRole::Output],
    ];
    roles.concat()[index]
}

fn self_test(image: &[u8]) -> Result<(), SelfTestError> {
    let image = AlignedImage::new(image);
    let model = Model::parse(&image).unwrap();
    let mut workspace = vec![0; model.workspace_words()];
    model.self_test(&mut workspace)
}

fn weight(spec: &mut ImageSpec, layer: usize, at: usize) -> &mut i8 {
    let (encoder, decoder) = (spec.encoder.len(), spec.decoder.len());
    let dense = match layer {
        _ if layer < encoder => &mut spec.encoder[layer].dense,
        _ if layer == encoder => &mut spec.heads,
        _ if layer <= encoder + decoder => &mut spec.decoder[layer - encoder - 1].dense,
        _ => &mut spec.output,
    };
    &mut dense.weights[at]
}

#[test]
fn the_checksum_is_the_one_of_zlib() {
    assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
}

/// Every layer of many models, and for each of them all weights until one matters: a weight of an
/// operand that is 0, or behind an activation at its limit, makes no difference to the layer, and
/// then the self-test may pass or find a score that differs. Hardly any layer has no weight that matters.
#[test]
fn a_wrong_weight_is_traced_to_its_layer() {
    let (mut named, mut dead, mut silent) = (0, 0, 0);
    check(71, 60, |dice| {
        let mut spec = random_spec(dice, Temper::Trained);
        // Behind the hashes.
        spec.columns.clear();
        let image = spec.write(&[]).unwrap();
        let (places, hashes_at) = places(&spec, &image);
        let hashes = Reference::layer_hashes(&spec, &spec.self_test_reading);
        let stored: Vec<u32> = image[hashes_at..][..4 * hashes.len()]
            .chunks_exact(4)
            .map(|word| u32::from_le_bytes(word.try_into().unwrap()))
            .collect();
        assert_eq!(stored, hashes);
        let end = hashes_at + (4 * hashes.len()).next_multiple_of(8);
        assert_eq!(end, image.len());
        assert_eq!(self_test(&image), Ok(()));
        for (layer, &start) in places.iter().enumerate() {
            let count = layers(&spec)[layer].weights.len();
            let first = dice.size(0, count - 1);
            let found = (0..count).any(|step| {
                let at = (first + step) % count;
                let mut other = spec.clone();
                let wrong = weight(&mut other, layer, at);
                // Of the other sign or zero, and smaller, so that no accumulator grows.
                *wrong = -(*wrong / 2) / 16 * 16;
                let mut corrupt = image.to_vec();
                let dense = layers(&other)[layer];
                let columns = dense.columns();
                let packed = dense.bits.pack(spec.packing, columns, &dense.weights);
                corrupt[start..][..packed.len()].copy_from_slice(&packed);
                reseal(&mut corrupt);
                let computed = Reference::layer_hashes(&other, &spec.self_test_reading);
                let verdict = self_test(&corrupt);
                if computed == hashes {
                    silent += 1;
                    let silent = matches!(verdict, Ok(()) | Err(SelfTestError::Score { .. }));
                    assert!(silent, "{verdict:?}");
                    return false;
                }
                let first = (0..hashes.len()).find(|&i| computed[i] != hashes[i]);
                assert_eq!(first, Some(layer));
                let role = role(&spec, layer);
                assert_eq!(verdict, Err(SelfTestError::Layer { role, index: layer }));
                true
            });
            *if found { &mut named } else { &mut dead } += 1;
        }
    });
    println!("{named} layers named, {dead} without effect; {silent} weights without effect");
    assert!(named > 200 && dead < named / 50);
}

/// A wrong hash of the image is named just as a wrong layer.
#[test]
fn every_hash_is_compared() {
    check(72, 100, |dice| {
        let spec = random_spec(dice, Temper::Wild);
        let image = spec.write(&[]).unwrap();
        let (_, hashes_at) = places(&spec, &image);
        for index in 0..layers(&spec).len() {
            let mut corrupt = image.to_vec();
            corrupt[hashes_at + 4 * index + dice.size(0, 3)] ^= 1 << dice.size(0, 7);
            reseal(&mut corrupt);
            let role = role(&spec, index);
            assert_eq!(
                self_test(&corrupt),
                Err(SelfTestError::Layer { role, index })
            );
        }
        let rows = rows_per_input(&spec.likelihood) * spec.inputs.len();
        assert_eq!(layers(&spec).last().unwrap().rows.len(), rows);
    });
}
