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

  /// Alignment of memory that this type allocates, a cache line and a vector register.
  public static let alignment = 64

  /// Uninitialised memory, freed with the last tensor that uses it.
  public init(byteCount: Int) {
    self.base = .allocate(byteCount: Swift.max(byteCount, 1), alignment: Self.alignment)
    self.byteCount = byteCount
    self.owner = nil
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
    self.release = release
  }

  /// A read-only slice of memory that `owner` keeps alive, such as a mapped file.
  public init(borrowing bytes: UnsafeRawBufferPointer, owner: any Sendable) {
    guard let address = bytes.baseAddress else {
      self.base = .allocate(byteCount: 1, alignment: Self.alignment)
      self.byteCount = 0
      self.owner = nil
      self.release = { base, _ in base.deallocate() }
      return
    }
    self.base = UnsafeMutableRawPointer(mutating: address)
    self.byteCount = bytes.count
    self.owner = owner
    self.release = nil
  }

  deinit { release?(base, byteCount) }
}
