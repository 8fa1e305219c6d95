//! Memory that a caller gave, in parts.

/// Splits `count` elements off the front of `rest`. Wider types come first, so all are aligned.
pub(crate) fn take<'w, T: bytemuck::Pod>(
    rest: &mut &'w mut [u8],
    count: usize,
) -> Option<&'w mut [T]> {
    let length = count.checked_mul(size_of::<T>())?;
    let (front, back) = core::mem::take(rest).split_at_mut_checked(length)?;
    *rest = back;
    bytemuck::try_cast_slice_mut(front).ok()
}
