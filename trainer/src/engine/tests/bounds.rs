//! Bounds by hand against those of candle's tensors.

use super::*;

fn masks() -> Masks {
    let mut rng = random::stream(9, Purpose::Missing);
    Masks::draw(ROWS, NUMBERS, 0.3, &mut rng)
}

/// The bounds that are evaluated by hand, from the same draws, are candle's to 1e-5 of themselves.
#[test]
fn bounds_by_draws_are_those_of_the_tensors() {
    let pairs = 3;
    for case in cases() {
        let trial = Trial::new(case);
        let (vae, data) = (&trial.vae, &trial.data);
        let evaluator = Evaluator::new(vae, data).unwrap().unwrap();
        let masks = masks();
        for masks in [None, Some(&masks)] {
            let batch = data.narrow(0, ROWS, masks).unwrap();
            let noise = random::normals(
                &mut random::stream(0, Purpose::Evaluation),
                pairs * ROWS * LATENTS,
            );
            let mut expected = vec![0.0; ROWS];
            for noise in noise.chunks_exact(ROWS * LATENTS) {
                for sign in [1.0, -1.0] {
                    let noise = noise.iter().map(|noise| sign * noise).collect();
                    let noise = Tensor::from_vec(noise, (1, ROWS, LATENTS), &Device::Cpu).unwrap();
                    let bound = Bound::sample(vae, &batch, &noise).unwrap();
                    let of_rows = bound.elbo().unwrap().to_vec1::<f32>().unwrap();
                    for (sum, elbo) in expected.iter_mut().zip(of_rows) {
                        *sum += f64::from(elbo) / (2 * pairs) as f64;
                    }
                }
            }
            let got = evaluator.elbos(pairs, masks).unwrap();
            for (row, (got, expected)) in got.into_iter().zip(expected).enumerate() {
                let expected = expected + data.constant(row, masks.map(|masks| (masks, row)));
                let error = (got - expected).abs() / expected.abs();
                assert!(error < 1e-5, "{:?}: {got} {expected}", trial.case);
            }
        }
    }
}

#[test]
fn bounds_by_turns_are_those_of_the_tensors() {
    for case in cases() {
        let trial = Trial::new(case);
        let (vae, data) = (&trial.vae, &trial.data);
        let evaluator = Evaluator::new(vae, data).unwrap().unwrap();
        let masks = masks();
        for masks in [None, Some(&masks)] {
            let batch = data.narrow(0, ROWS, masks).unwrap();
            let bound = |row: usize, noise: &[f32]| -> f64 {
                let all = noise.iter().copied().cycle().take(ROWS * LATENTS);
                let noise = Tensor::from_iter(all, &Device::Cpu).unwrap();
                let noise = noise.reshape((1, ROWS, LATENTS)).unwrap();
                let bound = Bound::sample(vae, &batch, &noise).unwrap().elbo().unwrap();
                bound.to_vec1::<f32>().unwrap()[row].into()
            };
            let turns = 3;
            let got = evaluator.expected(turns, masks).unwrap();
            assert_eq!(got.len(), ROWS);
            for row in [0, ROWS - 1] {
                let mut rng = cubature::stream(row);
                let mut expected = data.constant(row, masks.map(|masks| (masks, row)));
                for _ in 0..turns {
                    let turn = Turn::draw(&mut rng, LATENTS);
                    let mut sum = turn.of_origin() * bound(row, &[0.0]);
                    for j in 0..LATENTS {
                        let opposite: Vec<f32> = turn.point(j).iter().map(|part| -part).collect();
                        let both = bound(row, turn.point(j)) + bound(row, &opposite);
                        sum += turn.of_point() * both;
                    }
                    expected += sum / turns as f64;
                }
                let error = (got[row] - expected).abs() / expected.abs();
                assert!(error < 1e-5, "{:?}: {} {expected}", trial.case, got[row]);
            }
        }
    }
}

#[test]
fn evidence_is_that_of_the_tensors() {
    for case in cases() {
        let trial = Trial::new(case);
        let (vae, data) = (&trial.vae, &trial.data);
        let evaluator = Evaluator::new(vae, data).unwrap().unwrap();
        // More samples than pass through the decoder at once.
        let samples = 700;
        let got = evaluator.evidence(samples, 4).unwrap();
        for (row, got) in got.iter().enumerate() {
            let batch = data.narrow(row, 1, None).unwrap();
            let posterior = vae.gaussian(&batch.inputs).unwrap();
            let mut rng = elbow::rng::stream(4, row as u64);
            let weights = log_weights(vae, &batch, &posterior, samples, &mut rng).unwrap();
            let expected = Evidence::new(&weights[0]);
            let constant = data.constant(row, None);
            let error = got.log_evidence - expected.log_evidence - constant;
            assert!(error.abs() < 1e-5 * got.log_evidence.abs(), "{error}");
            let ratio = got.effective_samples / expected.effective_samples;
            assert!((ratio - 1.0).abs() < 1e-2, "{:?}: {ratio}", trial.case);
        }
    }
}
