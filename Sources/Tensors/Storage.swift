import Glibc

/// Bytes that tensors look into: memory of their own, or a slice of somebody else's.
///
/// A storage is written only by the kernel that has just made it; once a tensor of it is handed
/// out it is never changed, which makes sharing it between threads safe.
public final class Storage: @unchecked Sendable {
  /// The first byte. Memory that `init(byteCount:)` made is aligned to 64 bytes.
  public let base: UnsafeMutableRawPointer

  /// Bytes that may be read from `base`.
  public let byteCount: Int

  private let release: (@Sendable (UnsafeMutableRawPointer, Int) -> Void)?
  private let owner: (any Sendable)?
  private let isMapped: Bool

  /// Alignment of memory that this type allocates, a cache line and a vector register.
  public static let alignment = 64

  /// Uninitialised memory, freed with the last tensor that uses it.
  public init(byteCount: Int) {
    self.base = .allocate(byteCount: Swift.max(byteCount, 1), alignment: Self.alignment)
    self.byteCount = byteCount
    self.owner = nil
    self.isMapped = false
    self.release = { base, _ in base.deallocate() }
  }

  /// Memory that is handed to `release` with its size when the last tensor lets go of it.
  public init(
    taking base: UnsafeMutableRawPointer, byteCount: Int,
    release: @escaping @Sendable (UnsafeMutableRawPointer, Int) -> Void
  ) {
    self.base = base
    self.byteCount = byteCount
    self.owner = nil
    self.isMapped = false
    self.release = release
  }

  /// A read-only slice of memory that `owner` keeps alive; of a mapped file, if `isMapped`.
  public init(
    borrowing bytes: UnsafeRawBufferPointer, owner: any Sendable, isMapped: Bool = false
  ) {
    guard let address = bytes.baseAddress else {
      self.base = .allocate(byteCount: 1, alignment: Self.alignment)
      self.byteCount = 0
      self.owner = nil
      self.isMapped = false
      self.release = { base, _ in base.deallocate() }
      return
    }
    self.base = UnsafeMutableRawPointer(mutating: address)
    self.byteCount = bytes.count
    self.owner = owner
    self.isMapped = isMapped
    self.release = nil
  }

  /// Lets the system take back the pages of a mapped file that hold nothing but this slice. They are
  /// read again when next needed. Other memory is left alone.
  public func unload() {
    guard isMapped else { return }
    let page = UInt(sysconf(Int32(_SC_PAGESIZE)))
    let start = (UInt(bitPattern: base) + page - 1) / page * page
    let end = (UInt(bitPattern: base) + UInt(byteCount)) / page * page
    guard start < end else { return }
    madvise(UnsafeMutableRawPointer(bitPattern: start), Int(end - start), MADV_DONTNEED)
  }

  deinit { release?(base, byteCount) }
}
