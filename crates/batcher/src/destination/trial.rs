//! Whether a store does what publication needs: conditional puts that replace an object only if it is as it was seen.
//! Some stores take no notice of the condition, and would let two runs publish over each other.

use super::{
    objects::{Bucket, Swapped, nonce},
    sweep::{self, HIDDEN},
};
use crate::error::{Error, Result};
use bytes::Bytes;
use object_store::path::Path;

/// Tries it with an object of its own, which is removed.
pub(super) async fn run(bucket: &Bucket) -> Result<()> {
    let name = format!("{HIDDEN}/trial-{}", nonce(8)?);
    let tried = conditional_puts(bucket, &name).await;
    let removed = sweep::remove(bucket, vec![Path::from(name)]).await;
    tried.and(removed)
}

async fn conditional_puts(bucket: &Bucket, name: &str) -> Result<()> {
    let [first, second, third] = ["first", "second", "third"].map(Bytes::from);
    let unconditional = || Err(Error::Unconditional { address: bucket.address.clone() });
    let Swapped::Done(seen) = bucket.swap(name, &first, None).await? else { return unconditional() };
    // It is there now, so nobody can create it,
    let Swapped::Lost = bucket.swap(name, &second, None).await? else { return unconditional() };
    let Swapped::Done(_) = bucket.swap(name, &second, Some(&seen)).await? else { return unconditional() };
    // and it is not as it was, so nobody can replace what it was.
    let Swapped::Lost = bucket.swap(name, &third, Some(&seen)).await? else { return unconditional() };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::destination::objects::tests::{Fate, bucket};

    #[tokio::test]
    async fn a_store_keeps_to_conditions_or_is_refused() {
        use Fate::*;
        for (fates, is_fit) in [
            (&[] as &[_], true),
            (&[Unanswered, Fine, Twice, Lost], true),
            (&[Fine, Unconditional], false),
            (&[Fine, Fine, Fine, Unconditional], false),
        ] {
            let bucket = bucket(fates);
            let tried = run(&bucket).await;
            assert_eq!(tried.is_ok(), is_fit, "{fates:?}: {tried:?}");
            assert!(is_fit || matches!(tried, Err(Error::Unconditional { .. })), "{fates:?}");
            let mut left = Vec::new();
            let listed = bucket.each(|object| {
                left.push(object.location);
                Ok(())
            });
            listed.await.expect("a listing");
            assert_eq!(left, [], "{fates:?}");
        }
    }
}
