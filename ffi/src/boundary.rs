//! The funnel of every call: no panic leaves, every pointer is checked before it is used.
//!
//! What cannot be checked is the caller's word: that a pointer which is not NULL points to as much
//! memory as its type, count or length says, and that a handle is alive.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

use tamias_core::{Code, Rejection};

use crate::error::{self, Error};

/// What a body gives; the funnel makes a status of it.
pub(crate) type Outcome<T = ()> = Result<T, Rejection>;

/// No struct of this interface, of this version or a later one, is larger; a larger size is
/// garbage, and reading that much could leave the caller's memory.
const STRUCT_BYTES_MAX: usize = 4096;

/// Items of one call. The core's own limits are lower; this one keeps a garbage count from being
/// multiplied.
const ITEMS_MAX: usize = 1 << 20;

/// Runs the body of a function and gives its status; a failure is told to `err`.
///
/// # Safety
/// `err` is NULL or points to a `tamias_error` whose `size` is set.
pub(crate) unsafe fn guard(err: *mut Error, body: impl FnOnce() -> Outcome) -> i32 {
    // SAFETY: the caller's word, handed on.
    if let Err(rejection) = unsafe { error::check(err) } {
        return error::status(rejection.code());
    }
    let result = catch_unwind(AssertUnwindSafe(body));
    match result.unwrap_or_else(|panic| Err(defect(&*panic))) {
        Ok(()) => 0,
        Err(rejection) => {
            // SAFETY: checked above.
            unsafe { error::fill(err, &rejection) };
            error::status(rejection.code())
        }
    }
}

/// Runs the body of a function that has no way to fail.
pub(crate) fn guard_free(body: impl FnOnce()) {
    // A defect while freeing leaks; there is nobody to tell.
    let _ = catch_unwind(AssertUnwindSafe(body));
}

fn defect(panic: &(dyn Any + Send)) -> Rejection {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("no message");
    Rejection::new(Code::Defect, format!("a defect of the library, please report it: {text}"))
}

/// A rejection for a pointer or struct that cannot be used.
pub(crate) fn bad_struct(field: &str, text: impl Into<String>) -> Rejection {
    Rejection::new(Code::BadStruct, text).at(field)
}

fn check_pointer<T>(ptr: *const T, field: &str) -> Outcome {
    if ptr.is_null() {
        return Err(bad_struct(field, "is NULL"));
    }
    if !ptr.is_aligned() {
        let text = format!("is not aligned to {} bytes", align_of::<T>());
        return Err(bad_struct(field, text));
    }
    Ok(())
}

/// A handle.
///
/// # Safety
/// `ptr` is NULL or a live handle of that type.
pub(crate) unsafe fn handle<'a, T>(ptr: *const T, field: &str) -> Outcome<&'a T> {
    check_pointer(ptr, field)?;
    // SAFETY: not NULL, aligned; alive by the caller's word.
    Ok(unsafe { &*ptr })
}

/// A place for one result, checked before anything is done and written at the end.
pub(crate) struct Out<T>(NonNull<T>);

impl<T> Out<T> {
    /// # Safety
    /// `ptr` is NULL or points to memory for a `T`, until the call returns.
    pub(crate) unsafe fn new(ptr: *mut T, field: &str) -> Outcome<Self> {
        check_pointer(ptr, field)?;
        NonNull::new(ptr).map(Self).ok_or_else(|| bad_struct(field, "is NULL"))
    }

    /// For results that the caller may do without.
    ///
    /// # Safety
    /// As [`Out::new`].
    pub(crate) unsafe fn optional(ptr: *mut T, field: &str) -> Outcome<Option<Self>> {
        if ptr.is_null() {
            return Ok(None);
        }
        // SAFETY: the caller's word, handed on.
        unsafe { Self::new(ptr, field) }.map(Some)
    }

    pub(crate) fn write(self, value: T) {
        // SAFETY: by the word given to `new` there is memory for a `T`; checked for alignment.
        unsafe { self.0.write(value) }
    }
}

/// Values that lie side by side; NULL is allowed if there are none.
///
/// # Safety
/// `ptr` is NULL or points to `count` values, until the call returns.
pub(crate) unsafe fn slice<'a, T>(ptr: *const T, count: usize, field: &str) -> Outcome<&'a [T]> {
    if count == 0 {
        return Ok(&[]);
    }
    check_pointer(ptr, field)?;
    check_count(count, field)?;
    // SAFETY: not NULL, aligned, not too many; there by the caller's word.
    Ok(unsafe { std::slice::from_raw_parts(ptr, count) })
}

/// Places for results that lie side by side; NULL is none, or allowed if there are none.
///
/// # Safety
/// `ptr` is NULL or points to memory for `count` values that nobody else uses, until the call
/// returns; the values are initialised.
pub(crate) unsafe fn slice_out<'a, T>(
    ptr: *mut T,
    count: usize,
    field: &str,
) -> Outcome<Option<&'a mut [T]>> {
    if ptr.is_null() || count == 0 {
        return Ok(None);
    }
    check_pointer(ptr, field)?;
    check_count(count, field)?;
    // SAFETY: not NULL, aligned, not too many; there by the caller's word.
    Ok(Some(unsafe { std::slice::from_raw_parts_mut(ptr, count) }))
}

pub(crate) fn check_count(count: usize, field: &str) -> Outcome {
    if count > ITEMS_MAX {
        let text = format!("{count} items: at most {ITEMS_MAX}");
        return Err(Rejection::new(Code::LimitReached, text).at(field));
    }
    Ok(())
}

/// A transparent struct of the interface.
///
/// # Safety
/// Any bytes are a valid value: integers and raw pointers only.
pub(crate) unsafe trait Plain: Copy {
    /// Its name in C.
    const NAME: &'static str;
    /// Its size in the first release that had it.
    const MINIMUM: usize = size_of::<Self>();
}

/// A struct that begins with its size.
///
/// # Safety
/// `ptr` is NULL or points to a struct that begins with its size and is that large.
pub(crate) unsafe fn read_struct<T: Plain>(ptr: *const T, field: &str) -> Outcome<T> {
    check_pointer(ptr, field)?;
    // SAFETY: not NULL; such structs begin with a `uint32_t`.
    let size = unsafe { ptr.cast::<u32>().read() };
    // SAFETY: the struct is as large as it says, by the caller's word.
    unsafe { read_sized(ptr.cast(), size as usize, "size", field) }
}

/// Structs in an array, each `stride` bytes after the one before.
///
/// # Safety
/// `ptr` is NULL or points to `count` structs of `stride` bytes each.
pub(crate) unsafe fn read_items<T: Plain>(
    ptr: *const T,
    count: usize,
    stride: usize,
    field: &str,
) -> Outcome<Vec<T>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    check_pointer(ptr, field)?;
    check_count(count, field)?;
    check_stride::<T>(stride, field)?;
    let read = |index: usize| {
        // SAFETY: inside the array: its count and stride are the caller's word, and their product
        // is small by the checks above.
        unsafe {
            let item = ptr.cast::<u8>().add(index * stride);
            read_sized(item.cast(), stride, "stride", &format!("{field}[{index}]"))
        }
        .map_err(|rejection| rejection.index(index))
    };
    (0..count).map(read).collect()
}

/// Places for result structs, each `stride` bytes after the one before.
pub(crate) struct OutItems<T> {
    ptr: *mut T,
    count: usize,
    stride: usize,
}

impl<T: Plain> OutItems<T> {
    /// NULL is none.
    ///
    /// # Safety
    /// `ptr` is NULL or points to memory for `count` structs of `stride` bytes each that nobody
    /// else uses, until the call returns.
    pub(crate) unsafe fn new(
        ptr: *mut T,
        count: usize,
        stride: usize,
        field: &str,
    ) -> Outcome<Option<Self>> {
        if ptr.is_null() || count == 0 {
            return Ok(None);
        }
        check_pointer(ptr, field)?;
        check_count(count, field)?;
        check_stride::<T>(stride, field)?;
        Ok(Some(Self { ptr, count, stride }))
    }

    /// Writes at most as many values as there are places for.
    pub(crate) fn write(self, values: impl Iterator<Item = T>) {
        for (index, value) in values.take(self.count).enumerate() {
            // SAFETY: inside the array, by the word given to `new`; aligned, because the first
            // place and the stride are.
            unsafe { self.ptr.byte_add(index * self.stride).write(value) };
        }
    }
}

/// Checks the distance between the items of an array.
fn check_stride<T: Plain>(stride: usize, field: &str) -> Outcome {
    let minimum = T::MINIMUM;
    if stride < minimum || stride > STRUCT_BYTES_MAX {
        let text = format!("stride {stride}: give sizeof({}), at least {minimum}", T::NAME);
        return Err(bad_struct(field, text));
    }
    if stride % align_of::<T>() != 0 {
        let text = format!("stride {stride} is not a multiple of {}", align_of::<T>());
        return Err(bad_struct(field, text));
    }
    Ok(())
}

/// Reads a struct of `size` bytes: a shorter one of an older header, or a longer one of a newer
/// header if what we do not know is zero.
///
/// # Safety
/// `ptr` points to `size` bytes, if that is not too much.
unsafe fn read_sized<T: Plain>(
    ptr: *const u8,
    size: usize,
    size_name: &str,
    field: &str,
) -> Outcome<T> {
    if size < T::MINIMUM || size > STRUCT_BYTES_MAX {
        let (name, minimum) = (T::NAME, T::MINIMUM);
        let text = format!("{size_name} {size} of {name}: at least {minimum}, set by its _INIT");
        return Err(bad_struct(field, text));
    }
    // SAFETY: there by the caller's word.
    let bytes = unsafe { std::slice::from_raw_parts(ptr, size) };
    let unknown = bytes.iter().skip(size_of::<T>()).position(|byte| *byte != 0);
    if let Some(position) = unknown {
        let text = format!(
            "byte {} of {} is set: a field of a newer header that this library, {}, does not know",
            size_of::<T>() + position,
            T::NAME,
            env!("CARGO_PKG_VERSION"),
        );
        return Err(Rejection::new(Code::NotSupported, text).at(field));
    }
    let mut value = std::mem::MaybeUninit::<T>::zeroed();
    // SAFETY: copies at most the size of either; zero bytes and any bytes are a valid `T`.
    unsafe {
        std::ptr::copy_nonoverlapping(ptr, value.as_mut_ptr().cast(), size.min(size_of::<T>()));
        Ok(value.assume_init())
    }
}

/// Checks fields that must be zero.
pub(crate) fn check_reserved(reserved: &[u8], field: &str) -> Outcome {
    if reserved.iter().any(|byte| *byte != 0) {
        return Err(bad_struct(field, "must be zero"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_status() {
        let mut err = crate::error::tests::record();
        // SAFETY: a record whose size is set.
        let status = unsafe { guard(&raw mut err, || panic!("on {}", "purpose")) };
        assert_eq!(status, error::status(Code::Defect));
        let message = crate::error::tests::text(&err.message);
        assert!(message.ends_with("please report it: on purpose"), "{message}");
        guard_free(|| panic!("while freeing"));
    }

    #[test]
    fn items_are_read_by_stride() {
        #[derive(Clone, Copy)]
        #[repr(C)]
        struct Grown {
            old: u32,
            new: u32,
        }
        // SAFETY: integers.
        unsafe impl Plain for Grown {
            const NAME: &'static str = "grown";
            const MINIMUM: usize = 4;
        }
        let read = |bytes: &[u32], stride: usize| {
            let count = bytes.len() * 4 / stride;
            // SAFETY: that many items of that stride.
            let items = unsafe { read_items(bytes.as_ptr().cast::<Grown>(), count, stride, "x") };
            items.map(|items| items.iter().map(|item| (item.old, item.new)).collect::<Vec<_>>())
        };
        assert_eq!(read(&[1, 2, 3], 4).unwrap(), [(1, 0), (2, 0), (3, 0)], "an older program");
        assert_eq!(read(&[1, 2, 3, 4], 8).unwrap(), [(1, 2), (3, 4)]);
        assert_eq!(read(&[1, 2, 0, 3, 4, 0], 12).unwrap(), [(1, 2), (3, 4)], "a newer program");
        let rejected = read(&[1, 2, 0, 3, 4, 5], 12).unwrap_err();
        assert_eq!((rejected.code(), rejected.list_index()), (Code::NotSupported, Some(1)));
        assert_eq!(rejected.field(), "x[1]");
        assert_eq!(read(&[1], 2).unwrap_err().code(), Code::BadStruct);
    }
}
