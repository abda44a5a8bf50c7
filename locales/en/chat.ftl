### The list, the timeline, the composer and the parts that they share.
