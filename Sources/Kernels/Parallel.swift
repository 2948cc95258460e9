import CDNNL

extension Workspace {
  /// The threads that kernels run on.
  package var threadCount: Int { Int(cdnnl_thread_count()) }
}

/// Calls `body` with consecutive ranges that together cover `0..<count`, on the threads that oneDNN
/// uses. Ranges hold at least `grain` elements, so that small work stays on this thread.
package func parallel(_ count: Int, grain: Int = 16384, _ body: (Range<Int>) -> Void) {
  let parts = max(1, min(Int(cdnnl_thread_count()), count / max(grain, 1)))
  guard parts > 1 else {
    if count > 0 { body(0..<count) }
    return
  }
  withoutActuallyEscaping(body) { body in
    withUnsafePointer(to: Region(count: count, parts: parts, body: body)) { region in
      cdnnl_parallel(
        Int32(parts),
        { context, part in
          guard let region = context?.assumingMemoryBound(to: Region.self).pointee else { return }
          let part = Int(part)
          let lower = region.count * part / region.parts
          region.body(lower..<(region.count * (part + 1) / region.parts))
        }, UnsafeMutableRawPointer(mutating: region))
    }
  }
}

private struct Region {
  let count: Int
  let parts: Int
  let body: (Range<Int>) -> Void
}
